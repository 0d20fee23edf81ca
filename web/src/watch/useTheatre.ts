import { useState } from 'react';
import { readStored, writeStored } from '../state/storage';

const KEY = 'nexus.theatre';

/** Whether the player takes the width of the window; remembered. */
export function useTheatre(): { on: boolean; toggle: () => void } {
  const [on, setOn] = useState(() => readStored(KEY) === 'on');
  const toggle = () => {
    writeStored(KEY, on ? null : 'on');
    setOn(!on);
  };
  return { on, toggle };
}
