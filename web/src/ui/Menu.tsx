import { flushSync } from 'react-dom';
import {
  useId,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type ToggleEvent,
} from 'react';
import { Icon } from './Icon';
import type { IconName } from './icons';
import { placeBeside, type Side } from './place';

interface MenuProps {
  /** What the button says to a screen reader. */
  label: string;
  button: ReactNode;
  buttonClass?: string;
  children: ReactNode;
  title?: string;
  testId?: string;
  onOpenChange?: (open: boolean) => void;
  /** Where the menu opens when both sides have room. */
  side?: Side;
}

const ITEMS = '[role^="menuitem"]:not([disabled])';

/** A button with a pop-up menu; arrow keys, Home, End and first letters move in it. */
export function Menu({
  label,
  button,
  buttonClass = 'icon-button',
  children,
  title,
  testId,
  onOpenChange,
  side = 'below',
}: MenuProps) {
  const id = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  // The items must be there when the opened menu is measured and its first item focused.
  const onBeforeToggle = (event: ToggleEvent<HTMLDivElement>) => {
    if (event.newState === 'open') flushSync(() => setOpen(true));
  };
  const onToggle = (event: ToggleEvent<HTMLDivElement>) => {
    const opened = event.newState === 'open';
    onOpenChange?.(opened);
    setOpen(opened);
  };
  // The browser reports an opened menu some time after it is seen; a key pressed in between would go to the button.
  const onPress = (event: MouseEvent<HTMLButtonElement>) => {
    event.preventDefault();
    if (!opener.current || !list.current) return;
    if (!list.current.togglePopover()) return;
    placeBeside(list.current, opener.current, side);
    const items = itemsOf(list.current);
    (items.find((item) => item.getAttribute('aria-checked') === 'true') ?? items[0])?.focus();
  };
  const close = () => list.current?.hidePopover();

  return (
    <>
      <button
        ref={opener}
        type="button"
        className={buttonClass}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        title={label}
        popoverTarget={id}
        onClick={onPress}
        data-testid={testId}
      >
        {button}
      </button>
      <div
        ref={list}
        id={id}
        role="menu"
        aria-label={title ?? label}
        className="menu"
        popover="auto"
        tabIndex={-1}
        onBeforeToggle={onBeforeToggle}
        onToggle={onToggle}
        onKeyDown={(event) => moveFocus(event, list.current)}
        onClick={close}
      >
        {title && <div className="menu-title">{title}</div>}
        {open && children}
      </div>
    </>
  );
}

const itemsOf = (list: HTMLElement): HTMLElement[] => [...list.querySelectorAll<HTMLElement>(ITEMS)];

function moveFocus(event: KeyboardEvent, list: HTMLElement | null): void {
  // The page's and the player's shortcuts are not for an open menu.
  event.stopPropagation();
  if (!list) return;
  if (event.key === 'Tab') return list.hidePopover();
  const items = itemsOf(list);
  const target = targetItem(event.key, items, items.indexOf(document.activeElement as HTMLElement));
  if (!target) return;
  event.preventDefault();
  target.focus();
}

function targetItem(key: string, items: HTMLElement[], at: number): HTMLElement | undefined {
  const wrap = (index: number) => items[(index + items.length) % items.length];
  if (key === 'ArrowDown') return wrap(at + 1);
  if (key === 'ArrowUp') return wrap(at - 1);
  if (key === 'Home') return items[0];
  if (key === 'End') return items.at(-1);
  if (key.length !== 1 || key === ' ') return undefined;
  const after = [...items.slice(at + 1), ...items.slice(0, at + 1)];
  return after.find((item) => item.textContent.trim().toLowerCase().startsWith(key.toLowerCase()));
}

interface MenuItemProps {
  onSelect: () => void;
  icon?: IconName;
  danger?: boolean;
  children: ReactNode;
}

export function MenuItem({ onSelect, icon, danger = false, children }: MenuItemProps) {
  return (
    <button
      type="button"
      role="menuitem"
      className={`menu-item ${danger ? 'menu-danger' : ''}`}
      onClick={onSelect}
    >
      {icon && <Icon name={icon} size={18} />}
      {children}
    </button>
  );
}

export function MenuChoice({ onSelect, checked, children }: MenuItemProps & { checked: boolean }) {
  return (
    <button
      type="button"
      role="menuitemradio"
      aria-checked={checked}
      className="menu-item"
      onClick={onSelect}
    >
      <span className="menu-check">{checked && <Icon name="check" size={16} />}</span>
      {children}
    </button>
  );
}
