import { expect, test } from 'vitest';
import { parseLabelSelector, selectorMatches } from './label-selector.ts';

const labels = { app: 'web', tier: 'front', empty: '' };

test.each([
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app!=web', false],
  ['other!=web', true],
  ['app', true],
  ['!app', false],
  ['! other', true],
  ['app in (web, api)', true],
  ['app notin (web,api),tier', false],
  ['other notin (x)', true],
  ['empty=', true],
  ['tier in (back)', false],
])('%j matches: %j', (text, expected) => {
  expect(parseLabelSelector(text)?.(labels)).toBe(expected);
});

test.each(['=x', 'app=(', 'app in web', 'a=b=c'])('%j cannot be read', (text) => {
  expect(parseLabelSelector(text)).toBeUndefined();
});

test('structured selectors need every requirement', () => {
  expect(selectorMatches({}, undefined)).toBe(true);
  expect(selectorMatches({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] }, labels)).toBe(true);
  expect(selectorMatches({ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, labels)).toBe(false);
  expect(selectorMatches({ matchExpressions: [{ key: 'none', operator: 'In', values: ['a'] }] }, labels)).toBe(false);
  expect(selectorMatches({ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, labels)).toBe(true);
});
