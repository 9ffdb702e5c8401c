// The five characters that generateName adds: no vowels and no digits that look like letters, so that no words appear.
import { type Random, randomInt } from '@weft/core';

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export function nameSuffix(random: Random): string {
  return Array.from({ length: 5 }, () => ALPHABET[randomInt(random, ALPHABET.length)]).join('');
}
