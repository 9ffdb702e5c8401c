// weft-policy.
import { policyMain } from '@weft/policy/server';

await policyMain();
