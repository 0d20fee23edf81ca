import { useStore } from '../state/store';
import { chooseTheme, THEME_CHOICES, themeStore, type ThemeChoice } from '../state/theme';
import { Icon } from '../ui/Icon';
import type { IconName } from '../ui/icons';
import { Menu, MenuChoice } from '../ui/Menu';

const LOOKS: Record<ThemeChoice, { label: string; icon: IconName }> = {
  system: { label: 'As the system', icon: 'monitor' },
  light: { label: 'Light', icon: 'sun' },
  dark: { label: 'Dark', icon: 'moon' },
};

export function ThemeMenu() {
  const chosen = useStore(themeStore, (choice) => choice);
  return (
    <Menu label="Theme" button={<Icon name={LOOKS[chosen].icon} />} testId="theme-menu">
      {THEME_CHOICES.map((choice) => (
        <MenuChoice key={choice} checked={choice === chosen} onSelect={() => chooseTheme(choice)}>
          {LOOKS[choice].label}
        </MenuChoice>
      ))}
    </Menu>
  );
}
