// The engine on Node's own parsers and sessions against the contract.
import { nodeEngine } from '@weft/http';
import { describeEngine } from './suite.ts';

describeEngine('node', () => nodeEngine(), [
  { test: 'forwards a method that is not registered', reason: 'the parser of Node knows a closed list of methods and answers 400 to others', since: '0.1' },
  { test: 'serves a request without an authority', reason: 'nghttp2 resets a request that has neither :authority nor host', since: '0.1' },
]);
