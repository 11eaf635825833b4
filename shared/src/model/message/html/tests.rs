use super::*;
use proptest::prelude::*;

#[test]
fn html_is_converted_to_the_lines_that_a_reader_sees() {
    for (html, text) in [
        ("Hello", "Hello"),
        ("<p>One\n  and  <b>two</b></p><p>three</p>", "One and two\n\nthree"),
        ("a<br>b<br/>c<BR />\n<br>d", "a\nb\nc\n\nd"),
        ("<div>a</div><div>b<div>c</div></div>d", "a\nb\nc\nd"),
        ("<h1>Order</h1><ul><li>one</li><li><b>two</b></li></ul>end", "Order\n\n- one\n- two\n\nend"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>one\ntwo\n\nthree</pre>", "one\ntwo\n\nthree"),
        ("<html><head><title>T</title><style>p > a {}</style></head><body>x<script>a < b</script>y</body>", "xy"),
        ("a<!-- <p>hidden</p> -->b<![endif]><!DOCTYPE html>c", "abc"),
        ("<img src=a.png alt=\"A parcel\"> <img src=b.png>", "A parcel"),
    ] {
        assert_eq!(text, to_text(html), "{html}");
    }
}

#[test]
fn link_targets_are_appended_unless_the_text_contains_them() {
    for (html, text) in [
        ("<a href=\"https://e.com/p?a=1&amp;b=2\">Pay</a>.", "Pay: https://e.com/p?a=1&b=2."),
        ("<a href='https://e.com/'>e.com</a>", "e.com"),
        (
            "<a class=x href=https://e.com/a><b>A</b></a><a href=https://e.com/b>B</a>",
            "A: https://e.com/a B: https://e.com/b",
        ),
        ("<a href=\"https://e.com/x\"><img src=x></a>", "https://e.com/x"),
        ("<a href=\"mailto:a@e.com?subject=Hi\">a@e.com</a> <a href=\"tel:+4930\">Call</a>", "a@e.com Call: +4930"),
        ("<a href=\"#top\">Top</a> <a href=\"javascript:x()\">Run</a> <a name=x>Here</a>", "Top Run Here"),
        ("<a href=https://e.com/a>open", "open: https://e.com/a"),
    ] {
        assert_eq!(text, to_text(html), "{html}");
    }
}

#[test]
fn character_references_are_decoded_by_name_and_by_number() {
    for (html, text) in [
        ("&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'"),
        ("Gr&uuml;&szlig;e&nbsp;&euro;&hellip;&yuml;&iexcl;", "Grüße €…ÿ¡"),
        ("&#228;&#xE4;&#X1f44b;&#146;&#128;", "ää👋’€"),
        (
            "a &b; &; & &unknown; &#; &#xd800; &#99999999999; AT&T",
            "a &b; &; & &unknown; &#; &#xd800; &#99999999999; AT&T",
        ),
        ("a&#0;&#7;b", "ab"),
        ("&zwnj;&#8203;&nbsp;&zwnj; Preview", "Preview"),
    ] {
        assert_eq!(text, to_text(html), "{html}");
    }
}

#[test]
fn invalid_html_loses_no_words() {
    for (html, text) in [
        ("1 < 2 <3 > 0", "1 < 2 <3 > 0"),
        ("<p title=\"never ends>Hello</p> <b>there</b>", "Hello\n\nthere"),
        ("<p title='a > b'>Hello", "Hello"),
        ("Hello <b", "Hello"),
        ("<p>Hello</i></div> there", "Hello\nthere"),
        ("Hello <!-- never ends", "Hello"),
        ("<>Hello</>", "<>Hello"),
    ] {
        assert_eq!(text, to_text(html), "{html}");
    }
}

#[test]
fn hostile_html_is_read_in_linear_time() {
    // Searching for each tag would take hours for these.
    for part in [
        "<a ",
        "<a href='",
        "<a href=\">",
        "<style>",
        "</style",
        "<!--",
        "&",
        "&#1",
        "<p ='",
        "<a href=https://e.com>x",
    ] {
        let html = part.repeat(1_000_000 / part.len());
        assert!(to_text(&html).len() <= 2 * html.len(), "{part}");
    }
}

proptest! {
    #[test]
    fn any_input_is_converted_to_text(html in "([<>a/!&;#'\"= \n-]|<a href=https://e.com/>|</a>|<li>|<pre>|<br>|é|&nbsp;){0,40}") {
        let text = to_text(&html);
        prop_assert!(text.lines().all(|line| line.trim_end() == line), "{:?}", text);
    }
}
