#!/usr/bin/env node
import '../dist/bundle/emojivoto-vote-bot.mjs';
