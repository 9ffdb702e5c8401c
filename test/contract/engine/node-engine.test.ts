// The engine on Node's own parsers and sessions against the contract.
import { nodeEngine } from '@weft/http';
import { describeEngine } from './suite.ts';

describeEngine('node', () => nodeEngine(), []);
