// What can be told of a pattern before it is compiled: how large it becomes, what compiling costs, what matching texts begin with.
import { assertNever } from '../assert-never.ts';
import { patternTokens } from './pattern-tokens.ts';

export interface PatternShape {
  /** Instructions, at most. */
  readonly size: number;
  /** Of compiling, at most: about a microsecond each. */
  readonly work: number;
  /** Whether it has `^`, `$` or the like. */
  readonly hasAnchors: boolean;
}

/** A pattern, or a group of it. */
interface Group {
  readonly captures: boolean;
  /** Instructions before the last piece. */
  before: number;
  /** Instructions of the last piece, which a repeat multiplies. */
  last: number;
  /** Of all branches: pieces that are told apart where alternatives are sorted by how they begin. A word is one. */
  pieces: number;
  branchPieces: number;
  longestBranch: number;
  hasAlternatives: boolean;
}

const PIECES_PER_WORK = 32;

export function patternShape(regex: string): PatternShape {
  const outer: Group[] = [];
  let group = newGroup(false);
  let work = 0;
  let hasAnchors = false;
  let inWord = false;
  const piece = (size: number): void => {
    group.before += group.last;
    group.last = size;
    group.pieces++;
    group.branchPieces++;
  };
  for (const token of patternTokens(regex)) {
    const wasInWord = inWord;
    inWord = token.kind === 'character';
    switch (token.kind) {
      case 'character':
        piece(1);
        if (wasInWord) {
          group.pieces--;
          group.branchPieces--;
        }
        break;
      case 'class':
        work += token.work;
        piece(1);
        break;
      case 'anchor':
        hasAnchors = true;
        piece(1);
        break;
      case 'nothing':
        work++;
        break;
      case 'or':
        group.before += group.last + 2;
        group.last = 0;
        endBranch(group);
        group.hasAlternatives = true;
        break;
      case 'repeat': {
        const { min, max = Math.max(min, 1) } = token;
        group.last = group.last * Math.max(max, 1) + (token.max === undefined ? 2 : Math.max(0, max - min));
        break;
      }
      case 'open':
        outer.push(group);
        group = newGroup(token.captures);
        break;
      case 'close': {
        const parent = outer.pop();
        // What re2js refuses here costs no more.
        if (!parent) return { size: sizeOf(group), work: work + sizeOf(group) + sortingOf(group), hasAnchors };
        const ended = group;
        group = parent;
        work += sortingOf(ended);
        piece(sizeOf(ended));
        group.pieces += ended.pieces;
        group.branchPieces += ended.pieces;
        break;
      }
      default:
        return assertNever(token);
    }
  }
  for (let parent = outer.pop(); parent; parent = outer.pop()) {
    work += sortingOf(group);
    parent.before += parent.last + sizeOf(group);
    parent.last = 0;
    parent.pieces += group.pieces;
    parent.branchPieces += group.pieces;
    group = parent;
  }
  const size = sizeOf(group) + 2;
  return { size, work: work + size + sortingOf(group), hasAnchors };
}

function newGroup(captures: boolean): Group {
  return { captures, before: 0, last: 0, pieces: 0, branchPieces: 0, longestBranch: 0, hasAlternatives: false };
}

function endBranch(group: Group): void {
  group.longestBranch = Math.max(group.longestBranch, group.branchPieces);
  group.branchPieces = 0;
}

/** One more than its pieces have, since what is empty has one. */
function sizeOf({ captures, before, last }: Group): number {
  return before + last + (captures ? 3 : 1);
}

/** re2js takes equal beginnings off alternatives piece by piece, and copies the rest of the branch each time. */
function sortingOf(group: Group): number {
  endBranch(group);
  return group.hasAlternatives ? (group.pieces * (group.longestBranch + 1)) / PIECES_PER_WORK : 0;
}

/** What every matching text begins with: empty where the beginning is not plain characters, or where there is another one. */
export function literalPrefix(regex: string): string {
  const plain: string[] = [];
  let depth = 0;
  let isPlain = true;
  for (const token of patternTokens(regex)) {
    if (token.kind === 'nothing' || (token.kind === 'or' && depth === 0)) return '';
    if (token.kind === 'open') depth++;
    else if (token.kind === 'close') depth--;
    if (isPlain && token.kind === 'character' && token.text !== undefined) {
      plain.push(token.text);
      continue;
    }
    // A repeat may do without the character before it.
    if (isPlain && token.kind === 'repeat' && token.min === 0) plain.pop();
    isPlain = false;
  }
  return plain.join('');
}
