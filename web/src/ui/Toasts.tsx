import { useEffect, useRef, useState } from 'react';
import { useStore } from '../state/store';
import { IconButton } from './Button';
import { Icon } from './Icon';
import type { IconName } from './icons';
import { dismissToast, toastStore, type Toast } from './toasts';

const SHOWN_MS = { info: 5_000, good: 4_000, bad: 9_000 };
const TONE_ICONS: Record<Toast['tone'], IconName> = { info: 'info', good: 'check', bad: 'alert' };

/** Short messages at the edge of the screen, read out as they come; above open dialogs. */
export function Toasts() {
  const toasts = useStore(toastStore, (value) => value);
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = region.current;
    if (!element) return;
    // A dialog opened later lies above the region until the region is shown anew.
    if (element.matches(':popover-open') && document.querySelector('dialog[open]')) element.hidePopover();
    if (!element.matches(':popover-open')) element.showPopover();
  }, [toasts]);
  return (
    <div ref={region} className="toasts" role="status" aria-live="polite" popover="manual">
      {toasts.map((shown) => (
        <ToastLine key={shown.id} toast={shown} />
      ))}
    </div>
  );
}

function ToastLine({ toast }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dismissToast(toast.id), SHOWN_MS[toast.tone]);
    return () => clearTimeout(timer);
  }, [toast, held]);
  return (
    <div
      className={`toast toast-${toast.tone}`}
      data-testid="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
    >
      <Icon name={TONE_ICONS[toast.tone]} size={18} />
      <span>{toast.text}</span>
      <IconButton icon="close" label="Dismiss" onClick={() => dismissToast(toast.id)} />
    </div>
  );
}
