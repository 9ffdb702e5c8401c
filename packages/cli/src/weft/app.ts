// The command `weft`: its verbs, lazily loaded.
import { buildApplication, buildRouteMap } from '@stricli/core';
import { VERSION } from '@weft/process';
import { demoCommand } from './demo/command.ts';
import { versionCommand } from './version.ts';

export const weft = buildApplication(buildRouteMap({ routes: { demo: demoCommand, version: versionCommand }, docs: { brief: 'Weft, a service mesh' } }), {
  name: 'weft',
  versionInfo: { currentVersion: VERSION },
  scanner: { caseStyle: 'allow-kebab-for-camel' },
  documentation: { useAliasInUsageLine: true },
});
