import { type Clock, keyedMutex } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { DnsError } from './errors.ts';
import type { DnsOptions } from './provider.ts';
import { canonicalName, formsOf, namesAbove, unicodeName } from './zone-name.ts';

/** A zone as its host lists it: with A-labels or U-labels, with or without a final dot. */
export interface HostZone {
  readonly name: string;
}

type ListOptions = DnsOptions & {
  /** The zone that is searched in the list, for messages. */
  readonly zone?: string;
};

/** Some of a host's zones. */
export interface ZonePage<Zone extends HostZone> {
  readonly zones: readonly Zone[];
  /** Whether there are no more. */
  readonly isComplete: boolean;
}

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
  /**
   * Returns the first page of the zones that end with a name; absent where the host can only be
   * asked for a whole name. Zones that end otherwise may be among them.
   */
  readonly search?: (base: string, options: DnsOptions) => Promise<ZonePage<Zone>>;
  /** How the host writes an internationalized zone name; `a-labels` by default. */
  readonly writes?: 'a-labels' | 'u-labels';
}

const rememberedMs = 60_000;
/** After so many questions in one minute the list is fetched, and answers all of them. */
const mostQuestions = 12;

export type ZoneQuestions<Zone extends HostZone> = ReturnType<typeof zoneQuestions<Zone>>;

/** Returns the questions to a host about its zones, and their remembered answers. */
export function zoneQuestions<Zone extends HostZone>(options: HostZonesOptions<Zone>) {
  const { clock, list, ask, writes = 'a-labels' } = options;
  const { get, peek, forget } = sharedAnswers<readonly Zone[]>(clock);
  const { count, isBelowLimit } = questionLimit(clock);
  const searches = zoneSearches(options, count);
  let isListOnly = ask === undefined;
  const all = (limits: DnsOptions & { readonly zone?: string }) =>
    get('', limits, async () => (list ? await list(limits) : []));
  const byName = async (name: string, limits: DnsOptions): Promise<readonly Zone[]> => {
    let absence: unknown;
    for (const form of formsOf(name, writes)) {
      try {
        const zones = await ask?.(form, limits);
        isListOnly ||= zones === undefined;
        const matching = zonesWithName(zones ?? (await all({ ...limits, zone: name })), name);
        if (matching.length > 0) return matching;
      } catch (error) {
        if (errorCode(error) !== 'ERR_DNS_ZONE_NOT_FOUND') throw error;
        absence = error;
      }
    }
    if (absence !== undefined) throw absence;
    return [];
  };
  const canAsk = () => !list || (!isListOnly && isBelowLimit());
  /** Returns the zones with this canonical name. */
  const named = async (name: string, limits: DnsOptions): Promise<readonly Zone[]> => {
    const known = peek('') ?? searches.peek(name);
    if (known) return zonesWithName(known, name);
    const remembered = peek(name);
    if (remembered) return remembered;
    if (!canAsk()) {
      try {
        return zonesWithName(await all({ ...limits, zone: name }), name);
      } catch (error) {
        // Credentials for one zone may not list the others.
        if (!ask || errorCode(error) !== 'ERR_DNS_CREDENTIALS') throw error;
      }
    }
    count();
    return await get(name, limits, () => byName(name, limits));
  };
  return {
    all,
    named,
    canAsk,
    search: searches.search,
    distrustSearch: searches.distrust,
    /** Whether to ask for each of these names costs no more requests than the limit. */
    canAskEach: (names: readonly string[], limit: number) =>
      isListOnly ||
      peek('') !== undefined ||
      (canAsk() && names.flatMap((name) => formsOf(name, writes)).length <= limit),
    forget: (name: string) => {
      forget(name);
      searches.forget(name);
    },
  };
}

/** Counts the questions of the last minute. */
function questionLimit(clock: Clock) {
  const times: number[] = [];
  return {
    count: () => {
      times.push(clock.monotonic());
      times.splice(0, times.length - mostQuestions);
    },
    isBelowLimit: () => {
      const since = clock.monotonic() - rememberedMs;
      return times.filter((time) => time > since).length < mostQuestions;
    },
  };
}

/** Returns the searches at a host, and their remembered answers. */
function zoneSearches<Zone extends HostZone>(
  { clock, search, writes = 'a-labels' }: HostZonesOptions<Zone>,
  count: () => void,
) {
  const { get, peek, forget } = sharedAnswers<readonly ZonePage<Zone>[]>(clock);
  let distrustedUntil = 0;
  const isTrusted = () => search !== undefined && clock.monotonic() >= distrustedUntil;
  const distrust = () => {
    distrustedUntil = clock.monotonic() + rememberedMs;
  };
  const ask = async (base: string, limits: DnsOptions): Promise<readonly ZonePage<Zone>[]> => {
    if (!search) return [];
    for (const form of formsOf(base, writes)) {
      count();
      const page = await search(form, limits);
      const isFiltered = page.zones.every(({ name }) => isAlike(name, base));
      // The host lists zones, whatever it is asked for.
      if (!isFiltered && !page.isComplete) distrust();
      const zones = page.zones.filter(({ name }) => namesAbove(canonicalName(name)).includes(base));
      if (zones.length > 0 || !page.isComplete) return [{ ...page, zones }];
    }
    return [];
  };
  return {
    distrust,
    /** Returns zones that end with a name; `undefined` if the host cannot search. */
    search: async (base: string, limits: DnsOptions): Promise<ZonePage<Zone> | undefined> => {
      if (!isTrusted()) return undefined;
      try {
        const [page = { zones: [], isComplete: true }] = await get(base, limits, () =>
          ask(base, limits),
        );
        return isTrusted() ? page : undefined;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        distrust();
        return undefined;
      }
    },
    /** Returns all zones that end as a name does, if they are known. */
    peek: (name: string): readonly Zone[] | undefined =>
      namesAbove(name)
        .flatMap((base) => peek(base) ?? [])
        .find(({ isComplete }) => isComplete)?.zones,
    forget: (name: string) => {
      for (const base of namesAbove(name)) forget(base);
    },
  };
}

/** Whether a search for zones that end with a name may find this zone. */
function isAlike(zone: string, base: string): boolean {
  return unicodeName(canonicalName(zone)).includes(unicodeName(base));
}

/** Whether a host refuses a question, and would refuse it again. */
function isRefusal(error: unknown): boolean {
  return error instanceof DnsError && error.cause === undefined && !error.passing;
}

/** Returns the zones that have this canonical name. */
export function zonesWithName<Zone extends HostZone>(
  zones: readonly Zone[],
  name: string,
): readonly Zone[] {
  return zones.filter((zone) => canonicalName(zone.name) === name);
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
