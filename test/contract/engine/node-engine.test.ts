// The engine on Node's own parsers and sessions against the contract.
import { nodeEngine } from '@weft/http';
import { describeEngine } from './suite.ts';

describeEngine('node', () => nodeEngine(), [
  { test: 'forwards a method that is not registered', reason: 'the parser of Node knows a closed list of methods and answers 400 to others', since: '0.1' },
]);
