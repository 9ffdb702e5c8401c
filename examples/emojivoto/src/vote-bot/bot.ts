// The vote bot: lists the emoji, then votes; one vote in seven goes to the doughnut on purpose.

export interface VoteBotOptions {
  /** `host:port` of the web front end. */
  readonly webHost: string;
  /** Host header to send instead. Default: none. */
  readonly hostOverride?: string;
  /** Rounds per second (a round is a list and a vote). Default 1. */
  readonly requestRate?: number;
  /** Stops by itself after this many milliseconds. Default: never. */
  readonly ttlMs?: number;
  readonly signal: AbortSignal;
  readonly random?: () => number;
  /** Told of every request that did not succeed. */
  readonly onFailure?: (request: string, cause: string) => void;
}

const DOUGHNUT_SHARE = 0.15;

/** Resolves when aborted or when the time to live is over. Failed requests do not stop it. */
export async function runVoteBot(options: VoteBotOptions): Promise<void> {
  const { random = Math.random, requestRate = 1, onFailure = () => undefined } = options;
  const signal = options.ttlMs === undefined ? options.signal : AbortSignal.any([options.signal, AbortSignal.timeout(options.ttlMs)]);
  const headers: Record<string, string> = options.hostOverride === undefined ? {} : { host: options.hostOverride };
  const get = async (path: string): Promise<unknown> => {
    try {
      const response = await fetch(`http://${options.webHost}${path}`, { headers, signal });
      const body = await response.text();
      if (response.ok) return JSON.parse(body);
      onFailure(path, `${response.status} ${body}`);
    } catch (error) {
      if (!signal.aborted) onFailure(path, causeOf(error));
    }
    return undefined;
  };
  while (!signal.aborted) {
    await pause(1000 / requestRate, signal);
    const list = await get('/api/list');
    if (!Array.isArray(list) || list.length === 0) continue;
    const choice = random() < DOUGHNUT_SHARE ? ':doughnut:' : (list[Math.floor(random() * list.length)] as { shortcode: string }).shortcode;
    await get(`/api/vote?choice=${encodeURIComponent(choice)}`);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** fetch hides the reason in `cause`. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
