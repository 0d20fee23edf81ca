const GAP_PX = 6;
const MARGIN_PX = 8;

interface Size {
  width: number;
  height: number;
}

export type Side = 'above' | 'below';

type Box = Pick<DOMRectReadOnly, 'top' | 'bottom' | 'right'>;

/** Where a pop-up of `size` goes: right-aligned with its opener, on `side` unless only the other has room. */
export function placement(opener: Box, size: Size, view: Size, side: Side): { left: number; top: number } {
  const left = clamp(opener.right - size.width, MARGIN_PX, view.width - size.width - MARGIN_PX);
  const roomAbove = opener.top - GAP_PX - MARGIN_PX;
  const roomBelow = view.height - opener.bottom - GAP_PX - MARGIN_PX;
  const above = opener.top - GAP_PX - size.height;
  const below = opener.bottom + GAP_PX;
  const fits = (side === 'above' ? roomAbove : roomBelow) >= size.height;
  const chosen = fits ? side : roomAbove > roomBelow ? 'above' : 'below';
  const top = chosen === 'above' ? above : below;
  return { left, top: clamp(top, MARGIN_PX, view.height - size.height - MARGIN_PX) };
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high));

export function placeBeside(popup: HTMLElement, opener: HTMLElement, side: Side): void {
  const size = { width: popup.offsetWidth, height: popup.offsetHeight };
  const view = { width: innerWidth, height: innerHeight };
  const { left, top } = placement(opener.getBoundingClientRect(), size, view, side);
  popup.style.left = `${left}px`;
  popup.style.top = `${top}px`;
}
