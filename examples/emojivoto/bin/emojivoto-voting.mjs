#!/usr/bin/env node
import '../dist/bundle/emojivoto-voting.mjs';
