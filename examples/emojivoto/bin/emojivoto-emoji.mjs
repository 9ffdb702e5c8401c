#!/usr/bin/env node
import '../dist/bundle/emojivoto-emoji.mjs';
