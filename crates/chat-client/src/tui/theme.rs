//! Colours: a stable one for each alias, and none where nobody wants them.

use ratatui::style::{Color, Modifier, Style};

use super::settings::Theme;

/// Colours of the 256 whose contrast to black and to white is at least 3.6.
const BOTH: &[u8] = &[196, 130, 64, 28, 30, 27, 63, 129, 163, 161];
/// Colours whose contrast to black is at least 7.
const ON_DARK: &[u8] = &[223, 193, 158, 195, 153, 189, 183, 225, 214, 117];
/// Colours whose contrast to white is at least 5.5.
const ON_LIGHT: &[u8] = &[124, 94, 58, 22, 25, 26, 57, 128, 127];

/// How an alias is written. The same name has the same colour on every screen and every day.
pub(crate) fn alias(theme: Theme, name: &str) -> Style {
    let style = Style::new().add_modifier(Modifier::BOLD);
    let palette = match theme {
        Theme::Auto => BOTH,
        Theme::Dark => ON_DARK,
        Theme::Light => ON_LIGHT,
        Theme::Mono => return style,
    };
    // FNV-1a over the folded name: short, and the same on every machine.
    let hash = name
        .to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let index = usize::try_from(hash % palette.len() as u64).unwrap_or(0);
    style.fg(Color::Indexed(palette.get(index).copied().unwrap_or(7)))
}

/// What is less important.
pub(crate) const fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// What needs attention: bold, and red where there are colours.
pub(crate) const fn alert(theme: Theme) -> Style {
    let style = Style::new().add_modifier(Modifier::BOLD);
    match theme {
        Theme::Mono => style,
        Theme::Auto => style.fg(Color::Indexed(196)),
        Theme::Dark => style.fg(Color::Indexed(210)),
        Theme::Light => style.fg(Color::Indexed(124)),
    }
}

/// Bars above and below the conversation.
pub(crate) const fn bar() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of a colour of the 6 × 6 × 6 cube, as WCAG has it.
    fn luminance(index: u8) -> f64 {
        let levels = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        let cube = usize::from(index - 16);
        let linear = |level: usize| {
            let c = levels[level] / 255.0_f64;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(cube / 36) + 0.7152 * linear(cube / 6 % 6) + 0.0722 * linear(cube % 6)
    }

    #[test]
    fn every_colour_can_be_read_on_its_ground() {
        let on_black = |index: &u8| (luminance(*index) + 0.05) / 0.05;
        let on_white = |index: &u8| 1.05 / (luminance(*index) + 0.05);
        assert!(BOTH.iter().all(|index| on_black(index) >= 3.6 && on_white(index) >= 3.6));
        assert!(ON_DARK.iter().all(|index| on_black(index) >= 7.0));
        assert!(ON_LIGHT.iter().all(|index| on_white(index) >= 5.5));
    }

    #[test]
    fn an_alias_keeps_its_colour_and_without_colours_has_none() {
        assert_eq!(alias(Theme::Auto, "Alice"), alias(Theme::Auto, "alice"));
        assert_eq!(alias(Theme::Mono, "alice").fg, None);
    }
}
