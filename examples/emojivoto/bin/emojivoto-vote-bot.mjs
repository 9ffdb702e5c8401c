#!/usr/bin/env node
// Starts the bundle that the build makes of src/bin/emojivoto-vote-bot.ts; here, so that the link exists before the build.
import '../dist/bundle/emojivoto-vote-bot.mjs';
