// iptables for the mesh: the rules that lead a pod's traffic through its proxy, as data; rendered, applied, checked.
// The rules and their comments are those of Linkerd's proxy-init, so that either program finds the other's work in place.
// Example: restoreDocument(redirectRules({ incomingProxyPort: 4143, outgoingProxyPort: 4140, proxyUid: 2102 }))
export { type ApplyOptions, applyRules, removeRules } from './apply/apply.ts';
export { missingRules } from './apply/check.ts';
export { type Execute, execute, inNamespace } from './apply/execute.ts';
export { type FirewallMode, type FirewallPrograms, findFirewall, firewallPrograms } from './apply/firewall.ts';
export { installCommands, removeCommands, ruleArguments } from './render/arguments.ts';
export { restoreDocument } from './render/restore.ts';
export { packPorts, parsePortRange } from './rules/multiport.ts';
export { INBOUND_CHAIN, OUTBOUND_CHAIN, redirectRules } from './rules/redirect-rules.ts';
export type { Match, Rule, RuleTable, Target } from './rules/rule.ts';
export { InitError, type RedirectSettings } from './rules/settings.ts';
