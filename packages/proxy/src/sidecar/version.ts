// The version of this proxy, as `--version` and the log show it. version.test.ts holds it against package.json.
export const VERSION = '0.1.0';
