import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';

const ORIGIN = 'http://127.0.0.1:8080';
const SERVED_BY_ORIGIN = ['/api', '/files', '/live/', '/media', '/p/'];

/** The page is empty until its module ran, so the first paint waits for it: no flash of the other theme. */
function renderBlockingEntry(): Plugin {
  return {
    name: 'render-blocking-entry',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

export default defineConfig({
  base: '/',
  plugins: [react(), renderBlockingEntry()],
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(SERVED_BY_ORIGIN.map((path) => [path, { target: ORIGIN }])),
  },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    sourcemap: false,
    // data: URLs are not in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'assets/licences.md' },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
