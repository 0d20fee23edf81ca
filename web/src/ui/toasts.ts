import { createStore } from '../state/store';

export interface Toast {
  id: number;
  tone: 'info' | 'good' | 'bad';
  text: string;
}

const SHOWN_MAX = 4;
let lastId = 0;

export const toastStore = createStore<readonly Toast[]>([]);

export function toast(text: string, tone: Toast['tone'] = 'info'): void {
  lastId += 1;
  const fresh = { id: lastId, tone, text };
  toastStore.set((toasts) => [...toasts, fresh].slice(-SHOWN_MAX));
}

export const dismissToast = (id: number): void =>
  toastStore.set((toasts) => toasts.filter((shown) => shown.id !== id));

/** Copies text and says so. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied.`, 'good');
  } catch {
    toast('The browser did not allow copying. Select the text and copy it by hand.', 'bad');
  }
}
