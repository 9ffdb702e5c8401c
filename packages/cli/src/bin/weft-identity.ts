// weft-identity.
import { identityMain } from '@weft/identity/server';

await identityMain();
