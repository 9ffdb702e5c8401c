// The text of a pattern cut into what re2js reads there, without compiling it. Cutting ends where re2js refuses the rest.

/** What a pattern consists of. */
export type Token =
  /** One character; `text` where it is written as it is, or with a backslash before a mark. */
  | { readonly kind: 'character'; readonly text: string | undefined }
  /** Any of several characters. `work`: of reading it, about a microsecond each. */
  | { readonly kind: 'class'; readonly work: number }
  | { readonly kind: 'anchor' }
  | { readonly kind: 'open'; readonly captures: boolean }
  | { readonly kind: 'close' }
  | { readonly kind: 'or' }
  /** Of what is before it; `max` is undefined where there is none. */
  | { readonly kind: 'repeat'; readonly min: number; readonly max: number | undefined }
  /** Flags and empty quotes: what comes next binds to what is before them. */
  | { readonly kind: 'nothing' };

const OPEN = /\((?:\?P?<[^>]*>|\?([a-zA-Z-]*)([:)])|(?!\?))/y;
const REPEAT = /[*+?]\??|\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}\??/y;
const UNICODE_CLASS = /\\[pP](?:\{\^?([^}]*)(?:\}|$)|(.))/suy;
const PERL_CLASS = /\\[dDsSwW]/y;
const ESCAPE = /\\(?:x\{([\da-fA-F]+)\}|x([\da-fA-F]{2})|([0-7]{1,3})|(.))/suy;
const QUOTE = /\\Q(.*?)(?:\\E|$)/sy;
const ANCHOR = /\\[AbBz]/y;

const NAMED_WORK = 4;
/** re2js looks at each character of a range between these, where case does not matter. */
const MIN_FOLD = 0x41;
const MAX_FOLD = 0x1e943;
const FOLDED_PER_WORK = 16;
/** re2js searches the whole rest for the end of `[:alpha:]`. */
const SEARCHED_PER_WORK = 1_024;

export function* patternTokens(regex: string): Generator<Token> {
  let at = 0;
  /** Whether case may not matter: from the first flag on, wherever it ends. */
  let folds = false;
  const lastNamedEnd = regex.lastIndexOf(':]');
  const take = (what: RegExp): RegExpExecArray | undefined => {
    what.lastIndex = at;
    const found = what.exec(regex) ?? undefined;
    if (found) at = what.lastIndex;
    return found;
  };
  while (at < regex.length) {
    switch (regex.charAt(at)) {
      case '(': {
        const opened = take(OPEN);
        if (!opened) return;
        const [, flags, end] = opened;
        folds ||= flags?.includes('i') ?? false;
        yield end === ')' ? { kind: 'nothing' } : { kind: 'open', captures: end === undefined };
        break;
      }
      case ')':
        at++;
        yield { kind: 'close' };
        break;
      case '|':
        at++;
        yield { kind: 'or' };
        break;
      case '^':
      case '$':
        at++;
        yield { kind: 'anchor' };
        break;
      case '.':
        at++;
        yield { kind: 'class', work: 0 };
        break;
      case '[':
        yield { kind: 'class', work: classWork() };
        break;
      case '*':
      case '+':
      case '?':
      case '{': {
        const repeat = take(REPEAT);
        yield repeat ? repeatOf(repeat) : character();
        break;
      }
      case '\\': {
        const quote = take(QUOTE);
        if (!quote) {
          yield escape();
          break;
        }
        yield { kind: 'nothing' };
        for (const text of quote[1] ?? '') yield { kind: 'character', text };
        break;
      }
      default:
        yield character();
    }
  }

  function character(): Token {
    const text = String.fromCodePoint(regex.codePointAt(at) as number);
    at += text.length;
    return { kind: 'character', text };
  }

  function escape(): Token {
    if (take(ANCHOR)) return { kind: 'anchor' };
    const named = namedWork();
    if (named !== undefined) return { kind: 'class', work: named };
    const escaped = take(ESCAPE);
    if (!escaped) return character();
    const [mark = ''] = escaped.slice(4);
    return { kind: 'character', text: /^\W$/.test(mark) ? mark : undefined };
  }

  /** Reads a class to its end, or to that of the pattern. */
  function classWork(): number {
    at += regex[at + 1] === '^' ? 2 : 1;
    let work = 0;
    for (let first = true; at < regex.length && (first || regex[at] !== ']'); first = false) {
      work += namedWork() ?? rangeWork();
    }
    at++;
    return work;
  }

  /** Of a class that has a name. */
  function namedWork(): number | undefined {
    if (regex[at] === '\\') {
      if (take(PERL_CLASS)) return NAMED_WORK;
      const unicode = take(UNICODE_CLASS);
      return unicode && unicodeWork(unicode);
    }
    if (regex[at] !== '[' || regex[at + 1] !== ':') return undefined;
    const searched = (regex.length - at) / SEARCHED_PER_WORK;
    // Without an end it is `[` and the like.
    if (at > lastNamedEnd) return searched + rangeWork();
    at = regex.indexOf(':]', at) + 2;
    return searched + NAMED_WORK;
  }

  function rangeWork(): number {
    const low = classCharacter();
    let high = low;
    if (regex[at] === '-' && regex[at + 1] !== ']' && at + 1 < regex.length) {
      at++;
      high = classCharacter();
    }
    if (!folds || (low <= MIN_FOLD && high >= MAX_FOLD)) return 1;
    return 1 + Math.max(0, Math.min(high, MAX_FOLD) - Math.max(low, MIN_FOLD)) / FOLDED_PER_WORK;
  }

  function classCharacter(): number {
    const escaped = regex[at] === '\\' && take(ESCAPE);
    if (!escaped) {
      const point = regex.codePointAt(at) as number;
      at += point > 0xffff ? 2 : 1;
      return point;
    }
    const [, braced, hexadecimal, octal, mark] = escaped;
    if (octal !== undefined) return Number.parseInt(octal, 8);
    return mark?.codePointAt(0) ?? Number.parseInt(braced ?? hexadecimal ?? '', 16);
  }

  function unicodeWork([, name, letter]: RegExpExecArray): number {
    // Numbers, punctuation, symbols and separators have fewer ranges than letters, marks and the rest.
    const ranges = /^[NPSZ]/.test(name ?? letter ?? '') ? 50 : 150;
    return folds ? 2 * ranges : ranges;
  }
}

function repeatOf([text, min, comma, max]: RegExpExecArray): Token {
  if (min !== undefined) return { kind: 'repeat', min: Number(min), max: max === undefined ? (comma ? undefined : Number(min)) : Number(max) };
  return { kind: 'repeat', min: text[0] === '+' ? 1 : 0, max: text[0] === '?' ? 1 : undefined };
}
