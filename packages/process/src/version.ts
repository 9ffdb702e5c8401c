// The version of every program, as `--version` shows it. version.test.ts holds it against package.json.
export const VERSION = '0.1.0';
