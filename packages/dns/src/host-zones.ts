import { errorCode } from '@acmex/errors';
import type { DnsOptions, ZoneOptions } from './provider.ts';
import { canonicalName, namesAbove, unicodeName } from './zone-name.ts';
import {
  type HostZone,
  type HostZonesOptions,
  type ZoneQuestions,
  zoneQuestions,
  zonesWithName,
} from './zone-questions.ts';

/** The zones at one host. Every name that it returns is canonical. */
export interface HostZones<Zone extends HostZone> {
  /** Returns the names of all zones. */
  names(options: DnsOptions): Promise<readonly string[]>;
  /** Returns the longest zone that holds a name; `undefined` where there is none. */
  zoneOf(name: string, options: ZoneOptions): Promise<string | undefined>;
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

/** Questions for the zone of one name. */
const mostPerName = 4;

/**
 * Finds the zones of a host with few requests: four at most for a name, and few more for many names
 * in one zone.
 *
 * A short name, and every name above it, is asked for. For a longer one the host searches its
 * zones, if it can; if not, DNS gives a first guess, which the host confirms. If DNS shows nothing
 * either, a zone of more than four labels is found only where no shorter zone holds the name. After
 * 12 questions in one minute, and at a host that can only list its zones, the list is fetched. An
 * answer is remembered for a minute, and is shared by all callers that wait for it.
 */
export function hostZones<Zone extends HostZone>(options: HostZonesOptions<Zone>): HostZones<Zone> {
  const questions = zoneQuestions(options);
  const { all, named, forget } = questions;
  return {
    names: async (limits) => [
      ...new Set((await all(limits)).map((zone) => canonicalName(zone.name))),
    ],
    async zoneOf(name, { guess, ...limits }) {
      const names = namesAbove(canonicalName(name));
      if (questions.canAskEach(names, mostPerName))
        return await firstZone(names, questions, limits);
      const result = await searchZone(names, questions, limits);
      if (result) return result.zone;
      const guessed = canonicalName((await guess?.()) ?? '');
      return await firstZone(byLikelihood(names, guessed), questions, limits);
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
        if (errorCode(error) === 'ERR_DNS_ZONE_NOT_FOUND') forget(canonicalName(name));
        throw error;
      }
    },
  };
}

/** Returns the first of these names that is a zone. */
async function firstZone<Zone extends HostZone>(
  names: readonly string[],
  { named }: ZoneQuestions<Zone>,
  limits: DnsOptions,
): Promise<string | undefined> {
  let refusal: unknown;
  for (const name of names) {
    try {
      if ((await named(name, limits)).length > 0) return name;
    } catch (error) {
      const code = errorCode(error);
      // Credentials for one zone are refused at the names below and above it.
      if (code === 'ERR_DNS_CREDENTIALS') refusal ??= error;
      else if (code !== 'ERR_DNS_ZONE_NOT_FOUND') throw error;
    }
  }
  if (refusal !== undefined) throw refusal;
  return undefined;
}

/**
 * Searches the zones that end with the last two labels of a name; with more of them, if there are
 * too many.
 *
 * @param names longest first
 * @returns the longest zone; `undefined` if the host cannot search
 */
async function searchZone<Zone extends HostZone>(
  names: readonly string[],
  questions: ZoneQuestions<Zone>,
  limits: DnsOptions,
): Promise<{ readonly zone: string | undefined } | undefined> {
  for (let labels = Math.min(2, names.length); labels <= names.length; labels++) {
    const atOrAbove = names.slice(-labels);
    const [base = ''] = atOrAbove;
    const page = await questions.search(base, limits);
    if (!page) return undefined;
    if (page.isComplete) {
      const zone = names.find((name) => zonesWithName(page.zones, name).length > 0);
      if (zone !== undefined) return { zone };
      const zoneAbove = await firstZone(atOrAbove, questions, limits);
      if (zoneAbove !== base) return { zone: zoneAbove };
      // The search did not find what is there.
      questions.distrustSearch();
      return undefined;
    }
    // The list costs less than a search for each name.
    if (!questions.canAsk()) return { zone: await firstZone(names, questions, limits) };
  }
  return undefined;
}

/**
 * Returns the names in the order in which they may be the zone: what DNS shows; else the whole
 * name, or one of few labels, longest first.
 */
function byLikelihood(names: readonly string[], guessed: string): readonly string[] {
  const likely = names.includes(guessed)
    ? [guessed]
    : [...names.slice(0, 1), ...names.slice(1).slice(-mostPerName, -1)];
  return [...likely, ...names.filter((name) => !likely.includes(name))];
}
