// YAML of other people: bounded nesting and aliases. The library composes documents recursively, and a stack that is nearly
// exhausted can end the whole process inside V8's regular expressions; so depth is checked before, on the tokens.
import { type Document, isScalar, Lexer, Parser, parseAllDocuments, visit } from 'yaml';

export type YamlDocuments =
  | { readonly kind: 'documents'; readonly values: readonly unknown[] }
  /** `document` counts from 1. */
  | { readonly kind: 'refused'; readonly document: number; readonly message: string; readonly cause?: Error };

const MAX_DEPTH = 200;
const MAX_ALIASES = 100;

/** The values of all documents; an empty one is null. Never throws. */
export function readYaml(text: string): YamlDocuments {
  const deep = firstTooDeep(text);
  if (deep !== undefined) return { kind: 'refused', document: deep, message: `it is nested deeper than ${MAX_DEPTH} levels` };
  // The library compares each key with all others of its map.
  const parsed = parseAllDocuments(text, { logLevel: 'error', uniqueKeys: false });
  const values: unknown[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const [problem] = document.errors;
    if (problem) return { kind: 'refused', document: values.length + 1, message: problem.message, cause: problem };
    const repeated = repeatedKey(document);
    if (repeated !== undefined)
      return { kind: 'refused', document: values.length + 1, message: `the key ${JSON.stringify(repeated)} is there twice in one map` };
    try {
      values.push(document.toJS({ maxAliasCount: MAX_ALIASES }) ?? null);
    } catch (error) {
      // Aliases to nothing, or too many of them.
      if (!(error instanceof Error)) throw error;
      return { kind: 'refused', document: values.length + 1, message: error.message, cause: error };
    }
  }
  return { kind: 'documents', values };
}

/** A key that a map of the document has twice. */
function repeatedKey(document: Document.Parsed): unknown {
  let repeated: unknown;
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          repeated = key.value;
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return repeated;
}

/** The number of the first document that is nested too deep. */
function firstTooDeep(text: string): number | undefined {
  const parser = new Parser();
  let document = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) if (token.type === 'document') document++;
    if (parser.stack.length > MAX_DEPTH) return document + 1;
  }
  return undefined;
}
