// weft-init: programs the redirect rules of a pod, then ends.
import { initMain } from '../init/init-main.ts';

await initMain();
