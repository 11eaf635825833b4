//! How a file is sent after Telegram has refused it in another form. A refused form was not sent, so nothing is sent twice.

use super::answer::Cause;
use super::part::Medium;

/// A form in which a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Telegram fetches it.
    Url(Medium),
    /// Fetched here and uploaded: with a higher limit, and for hosts that Telegram cannot reach.
    Upload(Medium),
    /// A text with the link.
    Link,
}

impl Form {
    /// The form to try after a refusal; `None` if none would help. Each form is tried at most once.
    pub(super) fn after(self, cause: Cause) -> Option<Self> {
        use Medium::{Audio, Document, Photo, Voice};
        match (self, cause) {
            (Self::Link, _) => None,
            (Self::Url(medium), Cause::NotFetched) => Some(Self::Upload(medium)),
            (Self::Url(Photo), Cause::NotAPhoto) => Some(Self::Url(Document)),
            (Self::Upload(Photo), Cause::NotAPhoto) => Some(Self::Upload(Document)),
            (Self::Url(Voice), Cause::VoiceNotAllowed) => Some(Self::Url(Audio)),
            (Self::Upload(Voice), Cause::VoiceNotAllowed) => Some(Self::Upload(Audio)),
            (_, Cause::NotFetched | Cause::NotAPhoto | Cause::TooLarge) => Some(Self::Link),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(first: Form, causes: &[Cause]) -> Vec<Form> {
        let mut form = first;
        causes.iter().map_while(|cause| form.after(*cause).inspect(|next| form = *next)).collect()
    }

    #[test]
    fn a_file_that_telegram_cannot_fetch_is_uploaded_once_and_then_linked() {
        let expected = vec![Form::Upload(Medium::Video), Form::Link];
        assert_eq!(expected, forms(Form::Url(Medium::Video), &[Cause::NotFetched; 3]));
    }

    #[test]
    fn an_image_that_is_no_photo_is_sent_as_a_document() {
        let expected = vec![Form::Url(Medium::Document), Form::Upload(Medium::Document), Form::Link];
        let causes = [Cause::NotAPhoto, Cause::NotFetched, Cause::NotFetched, Cause::NotFetched];
        assert_eq!(expected, forms(Form::Url(Medium::Photo), &causes));
        assert_eq!(Some(Form::Upload(Medium::Document)), Form::Upload(Medium::Photo).after(Cause::NotAPhoto));
    }

    #[test]
    fn a_voice_message_that_the_customer_does_not_want_is_sent_as_audio() {
        let causes = [Cause::VoiceNotAllowed; 2];
        assert_eq!(vec![Form::Url(Medium::Audio)], forms(Form::Url(Medium::Voice), &causes));
        assert_eq!(vec![Form::Upload(Medium::Audio)], forms(Form::Upload(Medium::Voice), &causes));
    }

    #[test]
    fn a_file_that_is_too_large_is_linked_and_no_form_helps_where_the_customer_is_at_fault() {
        assert_eq!(Some(Form::Link), Form::Url(Medium::Video).after(Cause::TooLarge));
        for cause in [Cause::Blocked, Cause::ChatNotFound, Cause::Malformed, Cause::Other] {
            assert_eq!(None, Form::Url(Medium::Photo).after(cause), "{cause:?}");
        }
    }
}
