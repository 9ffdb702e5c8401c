#!/usr/bin/env node
import '../dist/bundle/emojivoto-web.mjs';
