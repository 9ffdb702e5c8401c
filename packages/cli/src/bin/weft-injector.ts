// weft-injector.
import { injectorMain } from '@weft/injector/webhook';

await injectorMain();
