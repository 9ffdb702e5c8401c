// weft: the command.
import { run } from '@stricli/core';
import { weft } from '../weft/app.ts';

await run(weft, process.argv.slice(2), { process });
