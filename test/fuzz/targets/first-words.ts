// What the proxy concludes from the first bytes of either side, and from the Forwarded header: verdicts are stable, nothing throws.
import { detectHttp } from '../../../packages/proxy/src/accept/detect-http.ts';
import { judgeServerWords } from '../../../packages/proxy/src/accept/server-words.ts';
import { appendForwarded, passedBy } from '../../../packages/proxy/src/gateway/forwarded.ts';
import { type FuzzTarget, hold, raw } from '../target.ts';

const clientWords: FuzzTarget = {
  name: 'client-words',
  tokens: raw('PRI * HTTP/2.0', 'GET ', ' HTTP/1.1\r\n', ' HTTP/1.0\n', '\r\n', 'host: x'),
  seeds: () => raw('GET / HTTP/1.1\r\nhost: x\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'CONNECT host:443 HTTP/1.1\r\n', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n'),
  run(input) {
    const verdict = detectHttp(input);
    hold(detectHttp(input.subarray(0, 1_024)) === verdict, 'bytes beyond the first 1024 matter');
    hold(input.length >= 14 || verdict === 'not-http', 'a short read is taken for HTTP');
    return verdict;
  },
};

const serverWords: FuzzTarget = {
  name: 'server-words',
  tokens: raw('HTTP/', '\0\0\x06\x04\0\0\0\0\0', '\0\0\x08\x07\0\0\0\0\0', '220 '),
  seeds: () => raw('HTTP/1.1 503 Service Unavailable\r\n', '\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64', 'J\0\0\0\x0a8.0.36', '220 ready\r\n'),
  run(input) {
    const verdict = judgeServerWords(input);
    for (let length = 0; length < Math.min(input.length, 12); length++) {
      const early = judgeServerWords(input.subarray(0, length));
      hold(early === 'undecided' || early === verdict, `the verdict on ${length} bytes differs`);
    }
    return verdict;
  },
};

const IDENTITY = 'gateway.ns.serviceaccount.identity.linkerd.cluster.local';

const forwarded: FuzzTarget = {
  name: 'forwarded-header',
  tokens: raw('by=', IDENTITY, ';', ',', '"', '\\', 'for=', ' '),
  seeds: () => raw(`by=${IDENTITY}`, `for="[2001:db8::1]";By="${IDENTITY}" , for=b`, 'for=192.0.2.1;proto=http, for=b'),
  run(input) {
    const line = input.toString('latin1');
    const passed = passedBy(['forwarded', line], IDENTITY);
    const headers = ['forwarded', line];
    appendForwarded(headers, { by: IDENTITY, for: 'client', host: 'web:80' });
    hold(passedBy(headers, IDENTITY), 'what was added is not found');
    hold(!passed || line.replaceAll('\\', '').includes(IDENTITY), 'an identity is found that is not there');
    return String(passed);
  },
};

export const firstWordTargets: readonly FuzzTarget[] = [clientWords, serverWords, forwarded];
