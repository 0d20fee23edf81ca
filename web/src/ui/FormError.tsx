import { Icon } from './Icon';

export function FormError({ text }: { text: string | null }) {
  return (
    <div role="alert">
      {text !== null && (
        <p className="form-error small">
          <Icon name="alert" size={18} />
          {text}
        </p>
      )}
    </div>
  );
}
