// weft-destination.
import { destinationMain } from '@weft/destination/server';

await destinationMain();
