// Label selectors: the structured form in objects and the text form in queries. Kubernetes "Labels and Selectors".
import type { LabelSelector } from '../resources/meta.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels | undefined) => boolean;

/** Whether labels satisfy a structured selector. An empty selector matches everything; an unknown operator nothing. */
export function selectorMatches(selector: LabelSelector, labels: Labels | undefined): boolean {
  const have = labels ?? {};
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (have[key] !== value) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = have[key];
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    if (operator === 'Exists') return value !== undefined;
    return operator === 'DoesNotExist' && value === undefined;
  });
}

const REQUIREMENT = /^\s*(?:(!)\s*([^\s=!,()]+)|([^\s=!,()]+)(?:\s*(==|=|!=)\s*([^\s=!,()]*)|\s+(in|notin)\s*\(([^()]*)\))?)\s*$/;

/** Compiles the text form, such as `app=web,tier in (a,b),!canary`. Undefined when it cannot be read. */
export function parseLabelSelector(text: string): LabelTest | undefined {
  const tests: LabelTest[] = [];
  for (const part of splitRequirements(text)) {
    const match = REQUIREMENT.exec(part);
    if (!match) return undefined;
    const [, not, absentKey, key = '', operator, value = '', setOperator, set = ''] = match;
    const values = set.split(',').map((item) => item.trim());
    if (not !== undefined && absentKey !== undefined) tests.push((labels) => labels?.[absentKey] === undefined);
    else if (operator === '!=') tests.push((labels) => labels?.[key] !== value);
    else if (operator !== undefined) tests.push((labels) => labels?.[key] === value);
    else if (setOperator === 'in') tests.push((labels) => values.includes(labels?.[key] ?? '\0'));
    else if (setOperator === 'notin') tests.push((labels) => !values.includes(labels?.[key] ?? '\0'));
    else tests.push((labels) => labels?.[key] !== undefined);
  }
  return (labels) => tests.every((test) => test(labels));
}

/** Commas separate requirements, except inside parentheses. */
function splitRequirements(text: string): string[] {
  if (text.trim() === '') return [];
  return text.split(/,(?![^(]*\))/);
}
