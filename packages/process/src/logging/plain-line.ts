// One log record for people: `2026-01-01T00:00:00.000Z  INFO name: message key=value`.

/** Takes a JSON record and gives the plain line, newline included. */
export function plainLine(json: string, stamp: 'wall' | 'uptime'): string {
  const { timestamp, level, name, message, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const time = stamp === 'wall' ? String(timestamp) : `[${process.uptime().toFixed(6).padStart(12)}s]`;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${plainValue(value)}`);
  return `${time} ${String(level).toUpperCase().padStart(5)} ${String(name)}: ${oneLine(String(message))}${rest.join('')}\n`;
}

function plainValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return typeof value === 'string' && !/^[^\s"=]+$/.test(text) ? JSON.stringify(text) : text;
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
