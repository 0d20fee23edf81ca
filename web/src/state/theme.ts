import { createStore } from './store';
import { readStored, writeStored } from './storage';

export type ThemeChoice = 'system' | 'light' | 'dark';
export const THEME_CHOICES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

const KEY = 'nexus.theme';
const BROWSER_COLOURS = { light: '#f9f6f1', dark: '#151210' };

export function parseTheme(stored: string | null): ThemeChoice {
  return THEME_CHOICES.find((choice) => choice === stored) ?? 'system';
}

export const themeStore = createStore<ThemeChoice>(parseTheme(readStored(KEY)));

export function chooseTheme(choice: ThemeChoice): void {
  writeStored(KEY, choice === 'system' ? null : choice);
  themeStore.set(() => choice);
}

/** Applies the chosen theme to the document, now and on every change of choice or system. */
export function followTheme(): void {
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const choice = themeStore.get();
    const theme = choice === 'system' ? (systemDark.matches ? 'dark' : 'light') : choice;
    document.documentElement.dataset.theme = theme;
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', BROWSER_COLOURS[theme]);
  };
  apply();
  themeStore.subscribe(apply);
  systemDark.addEventListener('change', apply);
}
