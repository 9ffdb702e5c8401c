// The engine on our own state machines against the contract.
import { weftEngine } from '@weft/http';
import { describeEngine } from './suite.ts';

describeEngine('weft', () => weftEngine());
