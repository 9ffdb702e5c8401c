// weft: the command.
import { runWeft } from '../weft/run-weft.ts';

await runWeft(process.argv.slice(2), process);
