import { useCallback, useEffect, useRef, useState, type PointerEvent } from 'react';

const IDLE_MS = 2_500;

export interface Activity {
  shown: boolean;
  /** Shows the controls and starts the wait anew. */
  wake: () => void;
  sleep: () => void;
  /** Keeps the controls while something of theirs is open. */
  hold: (held: boolean) => void;
  handlers: {
    onPointerMove: (event: PointerEvent) => void;
    onPointerLeave: (event: PointerEvent) => void;
    onFocus: () => void;
  };
}

const isMouse = ({ pointerType }: PointerEvent): boolean => pointerType === 'mouse';

/** Controls show while the viewer does something, and always while `resting` (paused, ended, failed). */
export function useActivity(resting: boolean): Activity {
  const [awake, setAwake] = useState(true);
  const [held, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const wake = useCallback(() => {
    clearTimeout(timer.current);
    setAwake(true);
    timer.current = setTimeout(() => setAwake(false), IDLE_MS);
  }, []);
  const sleep = useCallback(() => {
    clearTimeout(timer.current);
    setAwake(false);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);

  return {
    shown: awake || held || resting,
    wake,
    sleep,
    hold: setHeld,
    handlers: {
      onPointerMove: (event) => isMouse(event) && wake(),
      onPointerLeave: (event) => isMouse(event) && sleep(),
      onFocus: wake,
    },
  };
}
