// Patterns of schemas are in Go's syntax; nearly all of them mean the same to JavaScript.

/** Throws SyntaxError for what is no expression here either. */
export function compilePattern(pattern: string): RegExp {
  const flags = /^\(\?i\)/.test(pattern) ? 'i' : '';
  const source = pattern
    .replace(/^\(\?i\)/, '')
    .replaceAll('\\z', '$')
    .replaceAll('\\A', '^')
    .replaceAll('(?P<', '(?<');
  try {
    return new RegExp(source, `u${flags}`);
  } catch {
    // Escapes that Unicode mode refuses, such as `\-`, are harmless without it.
    return new RegExp(source, flags);
  }
}
