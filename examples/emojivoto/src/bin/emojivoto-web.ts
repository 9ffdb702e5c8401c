// Main of the web front end.
import { readEnvironment, runProcess } from '../environment.ts';
import { startWeb } from '../web/server.ts';

await runProcess(
  'emojivoto-web: the page and its API. Environment: WEB_PORT, HOST (default 0.0.0.0), EMOJISVC_HOST, VOTINGSVC_HOST (host:port), MESSAGE_OF_THE_DAY.',
  async () => {
    const env = readEnvironment(process.env);
    const messageOfTheDay = env.text('MESSAGE_OF_THE_DAY');
    const options = {
      port: env.port('WEB_PORT'),
      host: env.text('HOST') ?? '0.0.0.0',
      emojiHost: env.address('EMOJISVC_HOST'),
      votingHost: env.address('VOTINGSVC_HOST'),
      ...(messageOfTheDay === undefined ? {} : { messageOfTheDay }),
    };
    env.check();
    const server = await startWeb(options);
    return () => server.close();
  },
);
