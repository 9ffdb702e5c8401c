// Patterns of schemas are in Go's syntax, and are read as that: in time linear in the text, whoever wrote the pattern.
import { RE2JS } from 're2js';

/** Whether a text has a match. Throws SyntaxError for what is no expression. */
export function compilePattern(pattern: string): (text: string) => boolean {
  let program: RE2JS;
  try {
    program = RE2JS.compile(pattern);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  return (text) => program.matcher(text).find();
}
