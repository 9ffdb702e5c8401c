// ServiceProfiles of the names by which this workload is called: their routes are counted, and say what a failure is. A request waits a
// little for the profile of its name, and goes on without. spec/proxy.md §5.4, §7.7, §9.2 (route_*).
import {
  type Clock,
  type DiscoveryPort,
  formatAuthority,
  isIp,
  type Labels,
  type Millis,
  type Profile,
  parseAuthority,
  profileClassifiers,
  type RuleClassifiers,
  reasonOf,
  suffixMatcher,
  type Timer,
} from '@weft/core';
import { profileRoutes } from '@weft/core/route';
import type { RequestHead } from '@weft/http';
import type { HttpMetrics } from '../observe/http-metrics.ts';
import { profileRouteLabels } from '../observe/labels.ts';
import { canonicalDst } from '../relay/l5d-headers.ts';
import type { RouteMeter } from '../relay/metered-exchange.ts';

export interface InboundProfiles {
  /** Of the name that the request was sent to; undefined where none may be looked up for it. */
  of(request: RequestHead): InboundProfile | undefined;
  close(): void;
}

export interface InboundProfilesOptions {
  readonly discovery: DiscoveryPort;
  /** Names below these may be looked up. */
  readonly suffixes: readonly string[];
  /** How long requests wait for a profile. */
  readonly timeoutMs: Millis;
  /** Life of an unused one. */
  readonly idleMs: Millis;
  /** route_*. */
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
}

/** Names are the client's to choose: beyond it the one that was unused for longest makes room. */
const MAX_NAMES = 1_024;
/** Spellings of names, whether they may be looked up or not. */
const MAX_SPELLINGS = 4_096;

export function inboundProfiles(options: InboundProfilesOptions): InboundProfiles {
  const { suffixes, clock } = options;
  const allowed = suffixMatcher(suffixes);
  const known = new Map<string, InboundProfile>();
  const spellings = new Map<string, string | null>();

  const nameOf = (text: string, needsPort: boolean): string | undefined => {
    const parsed = parseAuthority(text);
    if (!parsed || isIp(parsed.host) || (needsPort && parsed.port === undefined) || !allowed(parsed.host)) return undefined;
    return formatAuthority({ host: parsed.host.toLowerCase().replace(/\.$/, ''), port: parsed.port ?? HTTP_PORT });
  };
  const spelled = (text: string, needsPort: boolean): string | undefined => {
    let name = spellings.get(text);
    if (name === undefined) {
      if (spellings.size >= MAX_SPELLINGS) spellings.clear();
      spellings.set(text, (name = nameOf(text, needsPort) ?? null));
    }
    return name ?? undefined;
  };
  const makeRoom = (): void => {
    let longest: InboundProfile | undefined;
    for (const profile of known.values()) if (!longest || profile.usedAt < longest.usedAt) longest = profile;
    longest?.close();
  };

  return {
    of(request) {
      if (suffixes.length === 0) return undefined;
      const canonical = canonicalDst(request);
      const text = canonical ?? request.authority;
      const name = text === undefined ? undefined : spelled(text, canonical !== undefined);
      if (name === undefined) return undefined;
      let profile = known.get(name);
      if (!profile) {
        if (known.size >= MAX_NAMES) makeRoom();
        profile = new InboundProfile(name, options, () => known.delete(name));
        known.set(name, profile);
      }
      profile.usedAt = clock.now();
      return profile;
    },
    close() {
      for (const profile of known.values()) profile.close();
    },
  };
}

const HTTP_PORT = 80;

/** The profile of one name, watched while requests come for it. */
export class InboundProfile {
  usedAt = 0;
  readonly #name: string;
  readonly #options: InboundProfilesOptions;
  readonly #onClose: () => void;
  readonly #unsubscribe: () => void;
  /** Undefined once the profile is known or was waited for in vain. */
  #waiting: (() => void)[] | undefined = [];
  #timeout: Timer | undefined;
  #idle: Timer | undefined;
  #select: (request: RequestHead) => CountedRoute | undefined = () => undefined;

  constructor(name: string, options: InboundProfilesOptions, onClose: () => void) {
    this.#name = name;
    this.#options = options;
    this.#onClose = onClose;
    this.usedAt = options.clock.now();
    this.#unsubscribe = options.discovery.profile(name).subscribe((state) => {
      if (state.kind === 'pending') return;
      this.#apply(state.kind === 'value' ? state.value : undefined);
    });
    this.#closeWhenIdle(options.idleMs);
  }

  /** Undefined where it could be asked at once; else `fn` is called when the profile is known, or too late. */
  wait(fn: () => void): boolean {
    if (!this.#waiting) return false;
    this.#waiting.push(fn);
    this.#timeout ??= this.#options.clock.after(this.#options.timeoutMs, () => this.#settle());
    return true;
  }

  /** Undefined where no route matches, and where it takes too many steps to tell: a request is not refused for want of being counted. */
  route(request: RequestHead): RouteMeter | undefined {
    try {
      return this.#select(request)?.meter;
    } catch (error) {
      if (reasonOf(error).code !== 'MATCH_LIMIT') throw error;
      return undefined;
    }
  }

  close(): void {
    this.#idle?.cancel();
    this.#unsubscribe();
    this.#settle();
    this.#onClose();
  }

  /** A profile that names no service has no routes to count. */
  #apply(profile: Profile | undefined): void {
    const routes = profile && profile.fullyQualifiedName !== '' ? profile.routes : [];
    const dst = `${profile?.fullyQualifiedName}:${parseAuthority(this.#name)?.port}`;
    const { metrics } = this.#options;
    this.#select = profileRoutes(
      routes.map(({ condition, labels, responseClasses }) => ({
        condition,
        rule: new CountedRoute(metrics, { direction: 'inbound', dst, ...profileRouteLabels(labels) }, profileClassifiers(responseClasses)),
      })),
    );
    this.#settle();
  }

  #settle(): void {
    this.#timeout?.cancel();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const fn of waiting) fn();
  }

  #closeWhenIdle(afterMs: Millis): void {
    const { clock, idleMs } = this.#options;
    this.#idle = clock.after(afterMs, () => {
      const left = this.usedAt + idleMs - clock.now();
      if (left > 0) this.#closeWhenIdle(left);
      else this.close();
    });
  }
}

/** Its series are made when the first request comes for it. */
class CountedRoute {
  readonly #metrics: HttpMetrics;
  readonly #labels: Labels;
  readonly #classifiers: RuleClassifiers;
  #meter: RouteMeter | undefined;

  constructor(metrics: HttpMetrics, labels: Labels, classifiers: RuleClassifiers) {
    this.#metrics = metrics;
    this.#labels = labels;
    this.#classifiers = classifiers;
  }

  get meter(): RouteMeter {
    return (this.#meter ??= { meter: this.#metrics.bind(this.#labels), classifiers: this.#classifiers });
  }
}
