import { useEffect, useEffectEvent, type RefObject } from 'react';
import { commandFor, needsPlayerFocus, type Command } from './shortcuts';

const TYPING =
  'input:not([type="range"], [type="checkbox"]), textarea, select, [contenteditable], dialog, [role="menu"]';
const PRESSABLE = 'button, a, summary, input, [role="slider"]';

/** Whether the page gives this key press to the player. */
function isForPlayer(event: KeyboardEvent, frame: HTMLElement): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (event.defaultPrevented || target?.closest(TYPING) || document.querySelector('dialog[open]'))
    return false;
  if (event.key === ' ' && target?.closest(PRESSABLE)) return false;
  if (event.key.startsWith('Arrow') && target?.closest('input')) return false;
  const focused = frame.contains(target) || document.fullscreenElement === frame;
  if (needsPlayerFocus(event)) return focused;
  return true;
}

/** Runs the player's commands from the keyboard, wherever on the page the focus is. */
export function useShortcuts(
  frame: RefObject<HTMLElement | null>,
  run: (command: Command) => void,
  wake: () => void,
): void {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const command = commandFor(event);
    if (!command || !frame.current || !isForPlayer(event, frame.current)) return;
    event.preventDefault();
    wake();
    run(command);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
