// What nobody caught ends the soak, and says so: the text is written before anything else can end the process.
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';

export function dieLoudly(process_: string): void {
  const die = (error: unknown, origin: string): void => {
    writeSync(2, `soak ${process_}: ${origin}: ${inspect(error)}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', (error) => die(error, 'unhandledRejection'));
}
