import type { ReactNode } from 'react';
import { Icon } from './Icon';
import type { IconName } from './icons';

/** A page that has nothing but a message: empty, missing, failed. */
export function Notice({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <section className="notice">
      <span className="notice-icon">
        <Icon name={icon} size={28} />
      </span>
      <h1 tabIndex={-1}>{title}</h1>
      {children}
    </section>
  );
}
