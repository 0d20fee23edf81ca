import { ICONS, type IconName } from './icons';

const FILLED = 'fill:';

/** A decorative glyph; the control around it carries the words. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {ICONS[name].map((path) => (
        <Stroke key={path} path={path} />
      ))}
    </svg>
  );
}

function Stroke({ path }: { path: string }) {
  return path.startsWith(FILLED) ? (
    <path d={path.slice(FILLED.length)} fill="currentColor" />
  ) : (
    <path
      d={path}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  );
}
