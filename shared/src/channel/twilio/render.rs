//! Renders messages for Twilio.
//!
//! SMS has text only, MMS pictures as well, and exists in the US and Canada only. WhatsApp has one file in each message and
//! shows a text beside a picture only, so the text comes first. Options are numbered lines everywhere: buttons need templates
//! that exist at Twilio.

use super::config::{Config, Network, Sender};
use super::customer::{WHATSAPP, has_mms};
use super::file::{fetchable_url, is_mms_picture, is_whatsapp_file, may_have_caption};
use super::setup::RETRIES;
use super::sid::Sid;
use super::webhook::STATUS_PATH;
use crate::channel::link::StatusLink;
use crate::channel::message::{ChannelMessage, Template, Unsupported};
use crate::channel::provider::Provider;
use crate::channel::split::split;
use crate::model::message::{Attachment, Block, Line};
use serde_json::{Map, Value};

/// In characters, whatever their encoding.
const MAX_BODY: usize = 1_600;
const MAX_CAPTION: usize = 1_024;
const MAX_MMS_PICTURES: usize = 10;
const MAX_CALLBACK_URL: usize = 4_000;

const BODY: &str = "Body";
const MEDIA_URL: &str = "MediaUrl";
const STATUS_CALLBACK: &str = "StatusCallback";

const NO_NUMBER: Unsupported =
    Unsupported("The customer's address is not a phone number in international form, such as +15550100.");
const NO_CONTENT: Unsupported = Unsupported("The message has nothing that can be sent.");

pub(super) type Form = Vec<(&'static str, String)>;

/// A part of a message: what one call sends.
pub struct Part(pub(super) Form);

pub(super) fn render(config: &Config, message: &ChannelMessage<'_>) -> Result<Vec<Part>, Unsupported> {
    let address = config.canonical_address(message.address).ok_or(NO_NUMBER)?;
    let to = match config.network {
        Network::Sms | Network::Mms => address,
        Network::WhatsApp => format!("{WHATSAPP}{address}"),
    };
    let from = match &config.sender {
        Sender::Address(address) => ("From", address.clone()),
        Sender::MessagingService(sid) => ("MessagingServiceSid", sid.to_string()),
    };
    let contents = contents(config, message, &to);
    let last = contents.len().checked_sub(1).ok_or(NO_CONTENT)?;
    let part = |(index, content): (usize, Form)| {
        let callback = status_callback(config, message, index == last).map(|url| (STATUS_CALLBACK, url));
        Part([("To", to.clone()), from.clone()].into_iter().chain(content).chain(callback).collect())
    };
    Ok(contents.into_iter().enumerate().map(part).collect())
}

fn status_callback(config: &Config, message: &ChannelMessage<'_>, is_last: bool) -> Option<String> {
    let link = StatusLink {
        message_id: message.message_id.to_owned(),
        to: message.to.clone(),
        is_last,
        replay: message.replay.map(str::to_owned),
        address: (message.address != message.to.id).then(|| message.address.to_owned()),
        without_receipt: !message.expects_receipt,
    };
    let url = config.address.join(&format!("{STATUS_PATH}{}{RETRIES}", link.seal(&config.sealer)?));
    // Twilio would refuse the message because of a longer one.
    (url.len() <= MAX_CALLBACK_URL).then_some(url)
}

/// What the parts have besides sender and customer.
fn contents(config: &Config, message: &ChannelMessage<'_>, to: &str) -> Vec<Form> {
    let template = message.template.as_ref();
    if let Some((sid, template)) = template.and_then(|template| Some((config.templates.get(&template.id)?, template))) {
        return vec![content_template(sid, template)];
    }
    match config.network {
        Network::Mms if has_mms(to) => mms(message.blocks),
        Network::Sms | Network::Mms => texts(&separate(message.blocks, |_| false).0),
        Network::WhatsApp => whatsapp(message.blocks),
    }
}

fn content_template(sid: &Sid, template: &Template) -> Form {
    let numbered =
        (1..).zip(&template.parameters).map(|(number, text): (usize, _)| (number.to_string(), text.as_str().into()));
    let variables: Map<String, Value> = numbered.collect();
    let mut form = vec![("ContentSid", sid.to_string())];
    if !variables.is_empty() {
        form.push(("ContentVariables", Value::Object(variables).to_string()));
    }
    form
}

fn mms(blocks: &[Block]) -> Vec<Form> {
    let mut pictures = 0;
    let (text, urls) = separate(blocks, |file| {
        let is_sent = is_mms_picture(file) && pictures < MAX_MMS_PICTURES;
        pictures += usize::from(is_sent);
        is_sent
    });
    let pictures = urls.into_iter().map(|(_, url)| (MEDIA_URL, url));
    let mut parts = texts(&text);
    match parts.first_mut() {
        Some(first) => first.extend(pictures),
        None => parts.extend(Some(pictures.collect::<Form>()).filter(|pictures| !pictures.is_empty())),
    }
    parts
}

fn whatsapp(blocks: &[Block]) -> Vec<Form> {
    let (text, files) = separate(blocks, is_whatsapp_file);
    let is_caption = |file: &Attachment| may_have_caption(file) && text.chars().count() <= MAX_CAPTION;
    let mut parts = texts(&text);
    match (parts.as_mut_slice(), files.as_slice()) {
        ([caption], [(file, url)]) if is_caption(file) => caption.push((MEDIA_URL, url.clone())),
        _ => parts.extend(files.into_iter().map(|(_, url)| vec![(MEDIA_URL, url)])),
    }
    parts
}

fn texts(text: &str) -> Vec<Form> {
    split(text, MAX_BODY, |_| 1).into_iter().map(|part| vec![(BODY, part.to_owned())]).collect()
}

/// The text of all blocks, and apart from it the files that are sent as such, with their URLs.
fn separate(blocks: &[Block], mut is_sent: impl FnMut(&Attachment) -> bool) -> (String, Vec<(&Attachment, String)>) {
    let mut files = Vec::new();
    let mut texts = Vec::new();
    for block in blocks {
        let mut lines = Vec::new();
        for line in &block.lines {
            match line {
                Line::File(file) => match fetchable_url(file).filter(|_| is_sent(file)) {
                    Some(url) => files.push((file, url)),
                    None => lines.push(line.to_string()),
                },
                _ => lines.push(line.to_string()),
            }
        }
        texts.extend(Some(lines.join("\n")).filter(|text| !text.is_empty()));
    }
    (texts.join("\n\n"), files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::provider::Provider;
    use crate::channel::twilio::tests::config;
    use crate::digest::Digest;
    use crate::model::message::Section;
    use crate::model::receipt::Recipient;
    use serde_json::json;

    const CUSTOMER: &str = "+15005550010";

    fn block(lines: Vec<Line>) -> Block {
        Block { section: Section::Block, lines }
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    fn file(media_type: &str, mime: &str, url: &str) -> Line {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let filename = Some("Name".to_owned());
        Line::File(Attachment { media_type: given(media_type), mime: given(mime), url: given(url), filename })
    }

    fn picture(number: usize) -> Line {
        file("Image", "image/png", &format!("https://e.com/{number}.png"))
    }

    /// The members of each part, without the callback.
    fn rendered(
        config: &Config,
        to: &str,
        blocks: &[Block],
        template: Option<Template>,
    ) -> Result<Vec<Form>, Unsupported> {
        let (digest, customer) = (Digest::of_parts(&["m"]), customer());
        let message = ChannelMessage {
            digest: &digest,
            message_id: "m",
            to: &customer,
            address: to,
            blocks,
            template,
            replay: None,
            expects_receipt: true,
        };
        let without_callback = |Part(form)| form.into_iter().filter(|(name, _)| *name != STATUS_CALLBACK).collect();
        config.render(&message).map(|parts| parts.into_iter().map(without_callback).collect())
    }

    /// The members besides sender and customer.
    fn contents_of(settings: Value, lines: Vec<Vec<Line>>) -> Vec<Form> {
        let blocks: Vec<_> = lines.into_iter().map(block).collect();
        let parts = rendered(&config(settings), CUSTOMER, &blocks, None).unwrap();
        parts.into_iter().map(|mut form| form.split_off(2)).collect()
    }

    fn form(pairs: &[(&'static str, &str)]) -> Form {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    fn whatsapp_settings() -> Value {
        json!({"from": "whatsapp:+15005550006"})
    }

    #[test]
    fn a_text_goes_from_the_sender_to_the_customer() {
        let sender = ("From", "+15005550006");
        let service = ("MessagingServiceSid", "MG44444444444444444444444444444444");
        let on_whatsapp = json!({"from": null, "messagingServiceSid": service.1, "whatsApp": true});
        for (settings, to, expected) in [
            (json!({}), "+1 (500) 555-0010", [("To", CUSTOMER), sender, (BODY, "Hi")]),
            (
                json!({"from": null, "messagingServiceSid": service.1}),
                CUSTOMER,
                [("To", CUSTOMER), service, (BODY, "Hi")],
            ),
            (on_whatsapp, CUSTOMER, [("To", "whatsapp:+15005550010"), service, (BODY, "Hi")]),
            (whatsapp_settings(), "US.a1", [("To", "whatsapp:US.a1"), ("From", "whatsapp:+15005550006"), (BODY, "Hi")]),
        ] {
            let parts = rendered(&config(settings), to, &[block(vec![text("Hi")])], None);
            assert_eq!(Ok(vec![form(&expected)]), parts);
        }
    }

    #[test]
    fn a_customer_without_a_phone_number_cannot_be_reached() {
        for to in ["ada@example.com", "15005550010", "US.a1", ""] {
            let parts = rendered(&config(json!({})), to, &[block(vec![text("Hi")])], None);
            assert_eq!(Err(NO_NUMBER), parts, "{to}");
        }
    }

    #[test]
    fn blocks_are_separated_by_an_empty_line_and_options_are_numbered() {
        let option = |number, label: &str| Line::Option { number, label: label.to_owned(), answer: None };
        let link = Line::Link { label: "Shop".to_owned(), target: "https://e.com".to_owned() };
        let lines = vec![vec![Line::Title("Sizes".to_owned()), link], vec![option(1, "S"), option(2, "L")]];
        let expected = form(&[(BODY, "Sizes\nShop: https://e.com\n\n1. S\n2. L")]);
        for settings in [json!({}), json!({"mms": true}), whatsapp_settings()] {
            assert_eq!(vec![expected.clone()], contents_of(settings, lines.clone()));
        }
    }

    #[test]
    fn a_long_text_is_split_in_order() {
        let emoji = "🙂".repeat(2_000);
        for settings in [json!({}), json!({"mms": true}), whatsapp_settings()] {
            let parts = contents_of(settings, vec![vec![text(&emoji)]]);
            let lengths: Vec<_> = parts.iter().map(|part| part[0].1.chars().count()).collect();
            assert_eq!(vec![1_600, 400], lengths);
            assert_eq!(emoji, parts.iter().map(|part| &*part[0].1).collect::<String>());
        }
    }

    #[test]
    fn files_are_links_in_an_sms() {
        let parts = contents_of(json!({"mms": false}), vec![vec![text("Look")], vec![picture(1)]]);
        assert_eq!(vec![form(&[(BODY, "Look\n\nName: https://e.com/1.png")])], parts);
    }

    #[test]
    fn pictures_are_in_the_first_message_of_an_mms_and_other_files_are_links() {
        let pdf = file("File", "application/pdf", "https://e.com/a.pdf");
        let svg = file("Image", "image/svg+xml", "https://e.com/a.svg");
        let card = file("image", "", "https://e.com/card");
        let parts =
            contents_of(json!({"mms": true}), vec![vec![text(&"x".repeat(1_601)), picture(1), card], vec![pdf, svg]]);
        let first =
            form(&[(BODY, &"x".repeat(1_600)), (MEDIA_URL, "https://e.com/1.png"), (MEDIA_URL, "https://e.com/card")]);
        let second = form(&[(BODY, "x\n\nName: https://e.com/a.pdf\nName: https://e.com/a.svg")]);
        assert_eq!(vec![first, second], parts);
    }

    #[test]
    fn outside_of_the_united_states_and_canada_an_mms_has_the_links_of_its_pictures() {
        let blocks = [block(vec![text("Look"), picture(1)])];
        let parts = rendered(&config(json!({"mms": true})), "+491701234567", &blocks, None).unwrap();
        let expected = (BODY, "Look\nName: https://e.com/1.png".to_owned());
        assert_eq!((1, Some(&expected)), (parts.len(), parts[0].get(2)));
        assert_eq!(3, parts[0].len());
    }

    #[test]
    fn an_mms_has_at_most_ten_pictures_and_needs_no_text() {
        let parts = contents_of(json!({"mms": true}), vec![(1..=10).map(picture).collect()]);
        let expected: Form = (1..=10).map(|number| (MEDIA_URL, format!("https://e.com/{number}.png"))).collect();
        assert_eq!(vec![expected], parts);
        let parts = contents_of(json!({"mms": true}), vec![(1..=11).map(picture).collect()]);
        assert_eq!(1, parts.len());
        assert_eq!((BODY, "Name: https://e.com/11.png".to_owned()), parts[0][0]);
        assert_eq!(11, parts[0].len());
    }

    #[test]
    fn on_whatsapp_a_single_picture_has_the_text_as_its_caption() {
        let parts = contents_of(whatsapp_settings(), vec![vec![text("Look"), picture(1)]]);
        assert_eq!(vec![form(&[(BODY, "Look"), (MEDIA_URL, "https://e.com/1.png")])], parts);
        let alone = contents_of(whatsapp_settings(), vec![vec![picture(1)]]);
        assert_eq!(vec![form(&[(MEDIA_URL, "https://e.com/1.png")])], alone);
        let long = "x".repeat(1_025);
        let parts = contents_of(whatsapp_settings(), vec![vec![text(&long), picture(1)]]);
        assert_eq!(vec![form(&[(BODY, &long)]), form(&[(MEDIA_URL, "https://e.com/1.png")])], parts);
    }

    #[test]
    fn on_whatsapp_the_text_comes_first_and_each_file_is_a_message() {
        for (media_type, mime) in
            [("Video", "video/mp4"), ("Audio", ""), ("File", "application/pdf"), ("Image", "image/webp")]
        {
            let lines = vec![vec![text("Look"), file(media_type, mime, "https://e.com/a")]];
            let expected = vec![form(&[(BODY, "Look")]), form(&[(MEDIA_URL, "https://e.com/a")])];
            assert_eq!(expected, contents_of(whatsapp_settings(), lines), "{mime}");
        }
        let parts = contents_of(whatsapp_settings(), vec![vec![text("Look"), picture(1), picture(2)]]);
        let media = [1, 2].map(|number| form(&[(MEDIA_URL, &format!("https://e.com/{number}.png"))]));
        assert_eq!([vec![form(&[(BODY, "Look")])], media.to_vec()].concat(), parts);
    }

    #[test]
    fn what_cannot_be_fetched_or_is_not_accepted_stays_in_the_text() {
        for settings in [json!({"mms": true}), whatsapp_settings()] {
            for (line, shown) in [
                (file("Image", "image/png", "http://e.com/a"), "Name: http://e.com/a"),
                (file("Image", "image/png", "https://u:hidden@e.com/a"), "Name: https://u:hidden@e.com/a"),
                (file("Image", "image/png", "data:image/png;base64,AA=="), "Name: data:image/png;base64,AA=="),
                (file("Image", "image/png", ""), "Name"),
                (file("File", "application/zip", "https://e.com/a"), "Name: https://e.com/a"),
                (file("File", "", "https://e.com/a"), "Name: https://e.com/a"),
                (file("Link", "", "https://e.com/a"), "Name: https://e.com/a"),
            ] {
                assert_eq!(vec![form(&[(BODY, shown)])], contents_of(settings.clone(), vec![vec![line]]), "{shown}");
            }
        }
    }

    #[test]
    fn nothing_empty_is_sent() {
        for settings in [json!({}), json!({"mms": true}), whatsapp_settings()] {
            let blocks = [block(vec![text(" \n")]), block(vec![text("")])];
            assert_eq!(Err(NO_CONTENT), rendered(&config(settings), CUSTOMER, &blocks, None));
        }
    }

    #[test]
    fn a_configured_template_is_sent_as_such_and_another_one_as_text() {
        let sid = "HX55555555555555555555555555555555";
        let config = config(json!({"from": "whatsapp:+15005550006", "templates": {"order": sid, "plain": sid}}));
        let contents = |id: &str, parameters: &[&str]| {
            let parameters = parameters.iter().map(|text| (*text).to_owned()).collect();
            let template = Some(Template { id: id.to_owned(), parameters });
            let mut parts = rendered(&config, CUSTOMER, &[block(vec![text("Text"), picture(1)])], template).unwrap();
            assert_eq!(1, parts.len());
            parts.remove(0).split_off(2)
        };
        let variables = r#"{"1":"A \"1\"","2":""}"#;
        assert_eq!(form(&[("ContentSid", sid), ("ContentVariables", variables)]), contents("order", &[r#"A "1""#, ""]));
        assert_eq!(form(&[("ContentSid", sid)]), contents("plain", &[]));
        assert_eq!(form(&[(BODY, "Text"), (MEDIA_URL, "https://e.com/1.png")]), contents("other", &["x"]));
    }

    fn customer() -> Recipient {
        Recipient { id: "id-on-the-platform".to_owned(), id_type: None }
    }

    /// The links of a message of three parts.
    fn links(config: &Config, message_id: &str, expects_receipt: bool) -> Vec<Option<(String, StatusLink)>> {
        let (digest, to) = (Digest::of_parts(&["m"]), customer());
        let blocks = [block(vec![text(&"x".repeat(4_000))])];
        let message = ChannelMessage {
            digest: &digest,
            message_id,
            to: &to,
            address: CUSTOMER,
            blocks: &blocks,
            template: None,
            replay: Some("replay"),
            expects_receipt,
        };
        let link = |Part(form): &Part| {
            let (_, url) = form.iter().find(|(name, _)| *name == STATUS_CALLBACK)?;
            let called = url.strip_suffix(RETRIES).unwrap();
            let token = called.strip_prefix("https://patchbay.example.com/integrations/acme/channel/status/").unwrap();
            Some((url.clone(), StatusLink::open(&config.sealer, token).unwrap()))
        };
        config.render(&message).unwrap().iter().map(link).collect()
    }

    #[test]
    fn each_part_has_a_callback_that_names_the_message_and_says_which_part_is_the_last() {
        let config = config(json!({}));
        let links = links(&config, "m-1", true);
        let replay = Some("replay".to_owned());
        let link = |is_last| StatusLink {
            message_id: "m-1".to_owned(),
            to: customer(),
            is_last,
            replay: replay.clone(),
            address: Some(CUSTOMER.to_owned()),
            without_receipt: false,
        };
        let opened: Vec<_> = links.iter().flatten().map(|(_, link)| link.clone()).collect();
        assert_eq!(vec![link(false), link(false), link(true)], opened);
        assert!(links.iter().flatten().all(|(url, _)| !url.contains("platform") && !url.contains("m-1")));
    }

    #[test]
    fn a_callback_that_twilio_would_refuse_is_left_out() {
        assert_eq!(vec![None, None, None], links(&config(json!({})), &"m".repeat(3_000), true));
    }

    #[test]
    fn the_statuses_of_a_message_without_a_receipt_are_reported_too() {
        let opened = links(&config(json!({})), "m-1", false);
        assert!(opened.iter().flatten().all(|(_, link)| link.without_receipt) && opened.iter().all(Option::is_some));
    }
}
