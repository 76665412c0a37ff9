import { domainToASCII, domainToUnicode } from 'node:url';
import { type Clock, keyedMutex } from '@acmex/clock';
import type { DnsOptions } from './provider.ts';

/** A zone as its host lists it: with A-labels or U-labels, with or without a final dot. */
export interface HostZone {
  readonly name: string;
}

type ListOptions = DnsOptions & {
  /** The zone that is searched in the list, for messages. */
  readonly zone?: string;
};

export interface HostZonesOptions<Zone extends HostZone> {
  readonly clock: Clock;
  /** Returns all zones that the credentials can write. */
  readonly list?: (options: ListOptions) => Promise<readonly Zone[]>;
  /**
   * Returns the zones with exactly this name; absent where the host cannot be asked by name. It may
   * throw `ERR_DNS_ZONE_NOT_FOUND`; `undefined` means that the host does not answer such questions
   * to these credentials, and is asked for the list.
   */
  readonly ask?: (name: string, options: DnsOptions) => Promise<readonly Zone[] | undefined>;
  /** How the host writes an internationalized zone name; `a-labels` by default. */
  readonly writes?: 'a-labels' | 'u-labels';
}

/** The zones at one host. Every name that it returns is canonical. */
export interface HostZones<Zone extends HostZone> {
  /** Returns the names of all zones. */
  names(options: DnsOptions): Promise<readonly string[]>;
  /** Returns the longest zone that holds a name; `undefined` where there is none. */
  zoneOf(name: string, options: DnsOptions): Promise<string | undefined>;
  /**
   * Returns the name of a zone as the host lists it. The host is asked only about an
   * internationalized name: every other name is the same in both forms.
   */
  listedName(name: string, options: DnsOptions): Promise<string>;
  /**
   * Calls `work` with the zones of this name. If they are no longer there, the next call asks the
   * host again.
   */
  use<Result>(
    name: string,
    options: DnsOptions,
    work: (zones: readonly Zone[]) => Promise<Result>,
  ): Promise<Result>;
}

const rememberedMs = 60_000;
/** After so many questions by name in one minute the list is fetched, and answers all of them. */
const mostQuestions = 12;

/**
 * Finds the zones of a host with few requests. A host that can be asked by name is asked for each
 * name above a record's name; after 12 such questions in one minute, and at a host that can only
 * list its zones, the list is fetched. An answer is remembered for a minute, and is shared by all
 * callers that wait for it.
 */
export function hostZones<Zone extends HostZone>(options: HostZonesOptions<Zone>): HostZones<Zone> {
  const { all, named, forget } = zoneQuestions(options);
  return {
    names: async (limits) => [
      ...new Set((await all(limits)).map((zone) => canonicalName(zone.name))),
    ],
    async zoneOf(name, limits) {
      let refusal: unknown;
      for (const candidate of namesAbove(canonicalName(name))) {
        try {
          if ((await named(candidate, limits)).length > 0) return candidate;
        } catch (error) {
          const code = codeOf(error);
          // Credentials for one zone are refused at the names below and above it.
          if (code === 'ERR_DNS_CREDENTIALS') refusal ??= error;
          else if (code !== 'ERR_DNS_ZONE_NOT_FOUND') throw error;
        }
      }
      if (refusal !== undefined) throw refusal;
      return undefined;
    },
    async listedName(name, limits) {
      if (unicodeName(canonicalName(name)) === canonicalName(name)) return name;
      const [zone] = await named(canonicalName(name), limits);
      return zone?.name ?? name;
    },
    async use(name, limits, work) {
      try {
        return await work(await named(canonicalName(name), limits));
      } catch (error) {
        if (codeOf(error) === 'ERR_DNS_ZONE_NOT_FOUND') forget(canonicalName(name));
        throw error;
      }
    },
  };
}

/** Returns the questions to a host about its zones, and their remembered answers. */
function zoneQuestions<Zone extends HostZone>({
  clock,
  list,
  ask,
  writes = 'a-labels',
}: HostZonesOptions<Zone>) {
  const { get, peek, forget } = sharedAnswers<readonly Zone[]>(clock);
  const questions: number[] = [];
  let isListOnly = ask === undefined;
  const all = (options: ListOptions) =>
    get('', options, async () => (list ? await list(options) : []));
  const byName = async (name: string, options: DnsOptions): Promise<readonly Zone[]> => {
    let absence: unknown;
    for (const form of formsOf(name, writes)) {
      try {
        const zones = await ask?.(form, options);
        isListOnly ||= zones === undefined;
        const matching = zonesWithName(zones ?? (await all({ ...options, zone: name })), name);
        if (matching.length > 0) return matching;
      } catch (error) {
        if (codeOf(error) !== 'ERR_DNS_ZONE_NOT_FOUND') throw error;
        absence = error;
      }
    }
    if (absence !== undefined) throw absence;
    return [];
  };
  const canAsk = () => {
    const since = clock.monotonic() - rememberedMs;
    const recent = questions.filter((time) => time > since);
    return !list || (!isListOnly && recent.length < mostQuestions);
  };
  /** Returns the zones with this canonical name. */
  const named = async (name: string, options: DnsOptions): Promise<readonly Zone[]> => {
    const listed = peek('');
    if (listed) return zonesWithName(listed, name);
    const remembered = peek(name);
    if (remembered) return remembered;
    if (!canAsk()) {
      try {
        return zonesWithName(await all({ ...options, zone: name }), name);
      } catch (error) {
        // Credentials for one zone may not list the others.
        if (!ask || codeOf(error) !== 'ERR_DNS_CREDENTIALS') throw error;
      }
    }
    questions.push(clock.monotonic());
    questions.splice(0, questions.length - mostQuestions);
    return await get(name, options, () => byName(name, options));
  };
  return { all, named, forget };
}

/** Returns a name in A-labels and lower case, without a final dot. */
export function canonicalName(name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, '');
  // Of other names it would make something else: of `0/25.2.0.192.in-addr.arpa` an address.
  return /[^\x00-\x7f]/.test(plain) ? domainToASCII(plain) || plain : plain;
}

function unicodeName(name: string): string {
  return /(^|\.)xn--/.test(name) ? domainToUnicode(name) || name : name;
}

/** Returns a name and all names above it, longest first, without the root. */
export function namesAbove(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

function zonesWithName<Zone extends HostZone>(
  zones: readonly Zone[],
  name: string,
): readonly Zone[] {
  return zones.filter((zone) => canonicalName(zone.name) === name);
}

/** The ways to write a name, the usual way of the host first. */
function formsOf(name: string, writes: 'a-labels' | 'u-labels'): readonly string[] {
  const unicode = unicodeName(name);
  if (unicode === name) return [name];
  return writes === 'u-labels' ? [unicode, name] : [name, unicode];
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Remembers answers by their question for a minute; one caller asks while the others wait. */
export function sharedAnswers<Answer extends readonly unknown[]>(clock: Clock) {
  const mutex = keyedMutex();
  const answers = new Map<string, { readonly answer: Answer; readonly until: number }>();
  const failures = new Map<string, { readonly error: unknown; readonly count: number }>();
  let count = 0;
  const peek = (question: string): Answer | undefined => {
    const entry = answers.get(question);
    return entry && clock.monotonic() < entry.until ? entry.answer : undefined;
  };
  return {
    /** Returns an answer that is remembered; an empty one is not. */
    peek,
    forget: (question: string) => {
      answers.delete(question);
      answers.delete('');
    },
    async get(
      question: string,
      { signal }: DnsOptions,
      ask: () => Promise<Answer>,
    ): Promise<Answer> {
      const before = count;
      const work = async () => {
        const remembered = peek(question);
        if (remembered) return remembered;
        const failure = failures.get(question);
        // It came while this caller waited.
        if (failure && failure.count > before) throw failure.error;
        try {
          const answer = await ask();
          if (answer.length > 0)
            answers.set(question, { answer, until: clock.monotonic() + rememberedMs });
          return answer;
        } catch (error) {
          count += 1;
          if (failures.size > 100) failures.clear();
          if (!signal?.aborted) failures.set(question, { error, count });
          throw error;
        }
      };
      return await mutex(question, work, { signal });
    },
  };
}
